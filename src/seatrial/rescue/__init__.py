"""Why a Pod hangs, told as a chain of evidence, and how to free it when that is provably safe."""
