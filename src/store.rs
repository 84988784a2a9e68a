//! Where runs, events and queues live.
