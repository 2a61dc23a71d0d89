"""Other worlds: what other programs keep about models, turned into manifests. Text in, text and notes out."""
