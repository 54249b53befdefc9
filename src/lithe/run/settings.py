"""What a run was asked to do, and how far it is: the contents of `run.json`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from lithe.arch import Architecture
from lithe.nets.card import Preprocessing
from lithe.runtimes import DEFAULT, RuntimeName
from lithe.search.budget import Budget
from lithe.search.race import Standing
from lithe.search.shortlist import Candidate
from lithe.search.verify import Attempt
from lithe.training.distillation import Distillation
from lithe.training.recipe import Recipe

FORMAT = 2
OLDER = (1,)  # formats that are still read

SearchName = Literal["grid", "space"]
# `space` is the whole design space, `grid` its widths and resolutions only.
# At equal training time the grid is as good (docs/fit.md), and it is the simpler one.
DEFAULT_SEARCH: SearchName = "grid"
TRIALS = 24  # candidates that a search of the design space trains for a few epochs
GENERATION = 6  # of them are drawn and raced at once, after those of the grid
# Whether a candidate begins with the weights of the trained one that is most like it. The
# ablation in docs/fit.md decides; see benchmarks/inherit.py.
INHERIT = False


class TeacherSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which network a training learns from, and how.

    `teacher` names it and `teacher_weights` the file of its weights (see
    `lithe.training.open_teacher`); `distillation` says how, the defaults if None.
    """

    teacher: str | None = None
    teacher_weights: str | None = None
    distillation: Distillation | None = None

    @property
    def how(self) -> Distillation:
        """How the teacher teaches, what was not asked for by default."""
        return self.distillation or Distillation()


class Settings(TeacherSettings, frozen=True, forbid_unknown_fields=True):
    """All that decides a run besides the images and the machine.

    With `table` that table is trained; without, the search finds one within `budget`.
    `table` gives family, width and resolution; classes and channels come from the images.
    `pretrained`: every training begins with ImageNet weights, the short ones of a search too.

    `search` says among which networks, `trials` how many of them are trained for a while,
    `parallel` and `cluster` where, and `store` is the Optuna URL of the trials (None: a file
    in the run's folder). `device` names the file that latencies are predicted from for
    another machine. `front` is the folder of a finished front that the network comes from.
    Only the full training learns from a teacher.
    """

    data: str
    budget: Budget = Budget()
    table: Architecture | None = None
    pretrained: bool = False
    seed: int = 0
    epochs: Annotated[int, Meta(ge=1)] | None = None
    batch_size: Annotated[int, Meta(ge=2)] | None = None
    learning_rate: Annotated[float, Meta(gt=0)] | None = None
    threads: Annotated[int, Meta(ge=1)] | None = None
    workers: Annotated[int, Meta(ge=0)] | None = None
    runtime: RuntimeName = DEFAULT
    skip_bad_images: bool = False
    search: SearchName | None = None
    trials: Annotated[int, Meta(ge=1)] | None = None
    parallel: Annotated[int, Meta(ge=1)] | None = None
    cluster: str | None = None
    store: str | None = None
    device: str | None = None
    front: str | None = None

    @property
    def searched(self) -> SearchName:
        """What is searched: as asked; the grid where every latency has to be measured."""
        measures = self.runtime != "lithe" and self.budget.max_latency_s is not None
        return self.search or ("grid" if measures else DEFAULT_SEARCH)


class PredictionError(Struct, frozen=True, forbid_unknown_fields=True):
    """How far predictions were from what was measured, over `networks` left out one by one.

    `median` and `worst` are shares: 0.03 is 3 %.
    """

    networks: int
    median: float
    worst: float


class Machine(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a run was made, as far as it can change the result."""

    cpu: str
    system: str
    python: str
    torch: str
    threads: int
    accelerator: str


class State(Struct, frozen=True, forbid_unknown_fields=True):
    """A run from start to end; fields fill up as it goes on.

    `images` is a fingerprint of the names and classes of the images; `winner` is the table
    that is trained in full; `metrics` are those of the finished model file.

    `study` is the name of the search in its store. `searched` is set once every candidate
    that is to be compared has its standing. `lost` are candidates that could not be trained,
    by label, with the reason.
    `attempts` are the candidates that were compiled and timed, in order. `reference_s` is
    how long the reference network took when the latency table was measured.
    `prediction_error` is that of the table.
    """

    lithe: str
    command: str
    settings: Settings
    machine: Machine
    started: str
    format: int = FORMAT
    images: str = ""
    candidates: tuple[Candidate, ...] = ()
    standings: dict[str, Standing] = {}
    study: str = ""
    searched: bool = False
    lost: dict[str, str] = {}
    attempts: tuple[Attempt, ...] = ()
    reference_s: float | None = None
    prediction_error: PredictionError | None = None
    winner: Architecture | None = None
    predicted: Candidate | None = None
    recipe: Recipe | None = None
    preprocessing: Preprocessing | None = None
    metrics: dict[str, float] = {}
    finished: str = ""
