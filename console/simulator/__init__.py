"""A simulated fleet that speaks real MQTT: devices with tempers, for demos, trials and tests."""
