"""`lithe cache`: what the engine keeps on disk."""

from pathlib import Path

import click


@click.command(name="cache")
@click.option("--clear", is_flag=True, help="Remove everything.")
@click.option("--cache", "folder", type=click.Path(path_type=Path), help="Another folder.")
def command(clear: bool, folder: Path | None) -> None:
    """Show or clear what was compiled: where it is, how many entries, how large."""
    from lithe.engine.cache import MAX_BYTES, Cache
    from lithe.units import format_bytes

    cache = Cache(folder)
    if clear:
        removed = cache.clear()
        left = cache.size().entries
        click.echo(
            f"{cache.folder}: removed {removed.entries - left} entries, "
            f"{format_bytes(removed.size_bytes)}"
        )
        return
    size = cache.size()
    click.echo(
        f"{cache.folder}: {size.entries} entries, {format_bytes(size.size_bytes)} "
        f"of at most {format_bytes(MAX_BYTES)}"
    )
