"""The screen: it asks and shows. It touches neither database nor broker."""
