"""For people who change workflows: determinism, replay, time-outs, versions."""
