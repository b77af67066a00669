"""The broker: the only importer of aiomqtt and paho. Every private use of theirs is here, each with a test."""
