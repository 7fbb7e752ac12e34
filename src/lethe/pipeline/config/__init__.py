"""The configuration: read strictly, checked, and asked for the settings of each part."""
