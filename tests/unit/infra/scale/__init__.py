"""What a deployment bears: the arithmetic, the simulation, and what was measured beside it."""
