"""The broker: the only package that imports aiomqtt and paho and uses their private names."""
