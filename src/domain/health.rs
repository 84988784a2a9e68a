//! The three signals per edge: emit-to-ack latency, retry rate, violation rate.
