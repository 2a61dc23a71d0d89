"""The loop: joins manifests with the machine."""
