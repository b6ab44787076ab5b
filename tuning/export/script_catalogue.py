"""Pieces of the script that read the datasets of the catalogue as they are published."""

from __future__ import annotations

from dataclasses import dataclass

from tuning.datasets.download import MNIST_FILES, PIMA_FILE
from tuning.datasets.info import DatasetInfo
from tuning.export.script_text import constants, literal

# Of the numbers themselves as float64, row by row: copies in circulation differ in their bytes.
PIMA_SHA256 = "3e5bd23b2c24c83178bcc3a4649e4339c1a248d5bead9c896b19af974b2cdee5"
CALIFORNIA_SHA256 = "a2f4f55ff91c67e60391318ea4d61d247d09f8fef119ec6f44a1eb727d7f1f7b"


@dataclass(frozen=True)
class DataPieces:
    """How a script reads its rows.

    Attributes
    ----------
    usage : str
        What is given on the command line; empty for nothing.
    about : str
        A sentence on where the rows come from.
    constants : str
        Assignments of its own.
    code : tuple of str
        `load_data` and what it calls.
    load : str
        Source that gives x and y.
    is_frame : bool
        Whether x is a DataFrame.
    """

    usage: str
    about: str
    constants: str
    code: tuple[str, ...]
    load: str
    is_frame: bool = False


def catalogue_pieces(info: DatasetInfo, *, with_test: bool) -> DataPieces:
    """Return how a catalogue dataset is read.

    Parameters
    ----------
    with_test : bool
        Whether the dataset's own test rows are needed; they come after the others.
    """
    if info.id == "mnist":
        return _mnist(info, with_test=with_test)
    if info.id == "digits":
        return _digits(info)
    return {
        "pima": _pima,
        "california": _california,
        "breast-cancer": _breast_cancer,
        "diabetes": _diabetes,
    }[info.id]()


_OPTIONAL = "x, y = load_data(sys.argv[1] if len(sys.argv) > 1 else None)"

_PIMA = '''\
def load_data(path):
    """Return eight measurements of 768 women, and 1 for diabetes or 0."""
    rows = [line for line in read_text(path).splitlines() if line.strip()]
    rows = [row for row in rows if not row.startswith("#") and not row[0].isalpha()]
    table = np.loadtxt(rows, delimiter=",", dtype="float64")
    if hashlib.sha256(table.tobytes()).hexdigest() != SHA256:
        sys.exit("These are not the numbers of the published Pima table.")
    return table[:, :-1].astype("float32"), table[:, -1].astype("int64")


def read_text(path):
    """Read the file, or fetch it from the first mirror that answers."""
    if path:
        return Path(path).read_text(encoding="utf-8-sig")
    for url in MIRRORS:
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return answer.read().decode("utf-8-sig")
        except OSError as error:
            print(f"{url}: {error}")
    sys.exit("No mirror answers. Give the path of the file instead.")
'''


def _pima() -> DataPieces:
    return DataPieces(
        usage="[pima-indians-diabetes.csv]",
        about="Without a path the table is fetched from where it is published.",
        constants=constants({"MIRRORS": list(PIMA_FILE.urls), "SHA256": PIMA_SHA256}),
        code=(_PIMA,),
        load=_OPTIONAL,
    )


_CALIFORNIA = '''\
def load_data(path):
    """Return eight measures of 20,640 districts, and their house value in $100,000."""
    if path is None:
        x, y = fetch_california_housing(return_X_y=True)
        return x.astype("float32"), y.astype("float32")
    table = np.loadtxt(read_text(path).splitlines(), delimiter=",", dtype="float64")
    if hashlib.sha256(table.tobytes()).hexdigest() != SHA256:
        sys.exit("These are not the numbers of the published housing table.")
    longitude, latitude, age, rooms, bedrooms, people, households, income, value = table.T
    x = [
        income, age, rooms / households, bedrooms / households, people,
        people / households, latitude, longitude,
    ]
    return np.column_stack(x).astype("float32"), (value / 100_000).astype("float32")


def read_text(path):
    """Read the table, bare or inside its archive."""
    if not path.endswith(".tgz"):
        return Path(path).read_text(encoding="latin-1")
    with tarfile.open(path, "r:gz") as archive:
        member = archive.extractfile("CaliforniaHousing/cal_housing.data")
        return member.read().decode("latin-1")
'''


def _california() -> DataPieces:
    return DataPieces(
        usage="[cal_housing.tgz or cal_housing.data]",
        about="Without a path scikit-learn fetches the table.",
        constants=constants({"SHA256": CALIFORNIA_SHA256}),
        code=(_CALIFORNIA,),
        load=_OPTIONAL,
    )


_MNIST = '''\
def load_data(folder):
    """Return the images of the digits to tell apart, and their classes{tests}."""
    if folder:
        arrays = [read_idx(Path(folder) / name) for name in SHA256]
    else:
        (images, labels), (test_images, test_labels) = keras.datasets.mnist.load_data()
        arrays = [images, labels, test_images, test_labels]
{chosen}
    rows = np.isin(labels, DIGITS)
    pixels = images[rows][..., None].astype("float32") / np.float32(255)
    return pixels, np.searchsorted(DIGITS, labels[rows])


def read_idx(path):
    """Read one of the four files as they are published."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHA256[path.name]:
        sys.exit(f"{{path}} is not the published file.")
    content = gzip.decompress(content)
    n_axes = content[3]
    shape = np.frombuffer(content, ">u4", n_axes, offset=4).astype(int)
    return np.frombuffer(content, "uint8", offset=4 + 4 * n_axes).reshape(shape)
'''


def _mnist(info: DatasetInfo, *, with_test: bool) -> DataPieces:
    chosen = "    images, labels = arrays[:2]"
    tests = ""
    if with_test:
        tests = ", test rows last"
        chosen = (
            "    images = np.concatenate(arrays[0::2])\n"
            + "    labels = np.concatenate(arrays[1::2])"
        )
    digits = literal([int(name) for name in info.class_names])
    hashes = constants({"SHA256": {file.name: file.sha256 for file in MNIST_FILES}})
    return DataPieces(
        usage="[folder of the four files]",
        about="Without a folder Keras fetches the images.",
        constants=f"DIGITS = np.array({digits})\n{hashes}",
        code=(_MNIST.format(tests=tests, chosen=chosen),),
        load=_OPTIONAL,
    )


def _digits(info: DatasetInfo) -> DataPieces:
    digits = literal([int(name) for name in info.class_names])
    code = '''\
def load_data():
    """Return the images of the digits to tell apart, and their classes."""
    bunch = load_digits()
    rows = np.isin(bunch.target, DIGITS)
    pixels = bunch.images[rows][..., None].astype("float32") / np.float32(16)
    return pixels, np.searchsorted(DIGITS, bunch.target[rows])
'''
    return _bundled(code, f"DIGITS = np.array({digits})")


def _breast_cancer() -> DataPieces:
    return _bundled('''\
def load_data():
    """Return thirty measurements of 569 tumors, and 1 for benign or 0."""
    bunch = load_breast_cancer()
    return bunch.data.astype("float32"), bunch.target
''')


def _diabetes() -> DataPieces:
    return _bundled('''\
def load_data():
    """Return ten measurements of 442 patients, and their disease after a year."""
    bunch = load_diabetes(scaled=False)
    return bunch.data.astype("float32"), bunch.target.astype("float32")
''')


def _bundled(code: str, own: str = "") -> DataPieces:
    return DataPieces(
        usage="",
        about="The rows come with scikit-learn.",
        constants=own,
        code=(code,),
        load="x, y = load_data()",
    )
