"""Small programs that stand in for well-known images, so that manifests run where no image can be pulled.

Each module has `run(settings, ready) -> exit code`. The supervisor forks itself and calls it, which takes a millisecond
where a new interpreter would take thirty, and shares memory between all of them; so they import next to nothing.
"""
