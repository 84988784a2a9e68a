//! The one seam of the console to the outside.
