"""What may be asked for, and what a handler says: folders of `functions/execute` flow in, the closed list of intents
flows out; beside it the contract between the pipeline and handlers. Pure, but for importing declarations from disk.
Touch it when every intent is to be able to say something new about itself.
"""
