"""What may be written: kinds, positions, diagnostics, schemas. Decides nothing about machines."""
