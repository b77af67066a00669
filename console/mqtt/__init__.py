"""The broker: the only importer of aiomqtt and paho; every private use of theirs is here."""
