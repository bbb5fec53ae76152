"""Configuration: one TOML file becomes the settings of the packages, or a list of all that is wrong."""
