"""A simulated fleet that speaks real MQTT: for demos, trials and tests."""
