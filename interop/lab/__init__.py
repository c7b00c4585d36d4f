"""What ./demo and the interop runs share: real processes on loopback, watched as they run."""
