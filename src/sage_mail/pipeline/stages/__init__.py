"""The stages that Sage brings along, a module each."""
