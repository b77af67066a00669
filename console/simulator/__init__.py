"""A simulated fleet that speaks real MQTT: devices with different behaviours, for demos, trials and tests."""
