"""The plugin interface: hook specifications, the plugin manager, the backend contract, progress events."""
