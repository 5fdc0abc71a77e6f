"""Makes a classic mistake on purpose, next to the right code, and shows that theory predicts what happens.

Without NAME every pitfall is run. Each leaves its curves as a picture in the output folder.
"""

import argparse

from bpcompare.cli import options
from bpcompare.cli.sentences import program


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which pitfall, and where its picture goes."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="one pitfall; without it, all of them, listed")
    options.add_output_options(parser, out="outputs/pitfalls")


def run(arguments: argparse.Namespace) -> int:
    """Runs the pitfalls, writes their pictures and prints what was predicted and measured."""
    from bpcompare.cli.progress import Progress, load_torch

    load_torch(quiet=arguments.quiet)

    from bpcompare.lessons.pitfalls import learning_rate
    from bpcompare.results import write

    names = [arguments.name] if arguments.name is not None else list(learning_rate.PITFALLS)
    pictures = [f"{name}.{format}" for name in names for format in arguments.format if name in learning_rate.PITFALLS]
    write.check_folder(arguments.out, pictures)
    found = []
    with Progress("training", len(names), quiet=arguments.quiet) as progress:
        for name in names:
            found.append(learning_rate.run(name))
            progress.advance()

    from bpcompare.show import pitfalls as show
    from bpcompare.show import style

    files = {
        f"{pitfall.name}.{format}": style.to_bytes(show.figure(pitfall), format)
        for pitfall in found
        for format in arguments.format
    }
    paths = write.write_files(arguments.out, files)
    if not arguments.quiet:
        print(show.overview(found) if arguments.name is None else show.page(found[0]))
        if arguments.name is None:
            print(f"Each has a page of its own: {program()} pitfalls NAME")
        print(f"wrote {', '.join(str(path) for path in paths)}")
    return 0
