"""How a worker's garbage collector is set."""

import gc


def pause_the_garbage_collector() -> None:
    """Nothing is garbage while the libraries are imported, and looking for it takes a tenth of that time."""
    gc.disable()


def spare_the_garbage_collector() -> None:
    """What the libraries made at import lives as long as the process: no collection needs to look at it again."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
