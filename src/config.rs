//! Settings: defaults, file, environment, flags; every value knows where it came from.
