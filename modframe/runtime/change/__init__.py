"""From a batch of sources to what is live.

`Swap` queues changes and runs one at a time per module. A `Transaction` carries out one change. A
`Batch` holds the generations that the change builds. `make_plan` builds a batch and discards it.
"""
