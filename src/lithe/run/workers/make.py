"""Which workers a search gets: none but this process, several beside it, or a cluster's."""

import os
from dataclasses import replace

import msgspec
import torch
from lightning_fabric import Fabric

from lithe.errors import LitheError
from lithe.progress import Progress
from lithe.run.workers.crew import Gang
from lithe.run.workers.here import Here
from lithe.run.workers.processes import Processes
from lithe.run.workers.trial import OnEpoch, TrialTask
from lithe.search.work import Work, Workers
from lithe.training.history import EpochRow
from lithe.training.image_set import in_memory
from lithe.training.loader import MOST_WORKERS, cpus


def make_workers(
    task: TrialTask,
    parallel: int | None,
    cluster: str | None,
    fabric: Fabric,
    progress: Progress,
    on_epoch: OnEpoch = lambda work, row: None,
) -> Workers:
    """Who trains the trials of a search; close them in the end, whatever happened.

    Beside each other, trials train in one thread each, unless `settings.threads` says
    otherwise, so that the outcome does not depend on how many there are.

    Args:
        task: what all trials have in common.
        parallel: how many trials are trained at once; None: one, in this process, or as many
            as the cluster has room for.
        cluster: the address of a Ray cluster: `auto`, `local`, `HOST:PORT`, `ray://...`.
        fabric: of this process.
        progress: hears of workers that died.
        on_epoch: hears of each finished epoch of each trial, once, in this process.

    Raises:
        LitheError: under torchrun, without Ray, or a cluster that cannot be used.
    """
    heard = once(on_epoch)
    if parallel is None and cluster is None:
        return Here(task, fabric, heard)
    if fabric.world_size > 1:
        raise LitheError(
            f"torchrun and Slurm give one training {fabric.world_size} processes, --parallel and "
            "--cluster one process to each of several trainings; leave one of them out"
        )
    if cluster is not None:
        from lithe.run.workers.cluster import Cluster

        crew = Cluster(side_by_side(task, None), cluster, parallel)
        return Gang(crew, task, heard, progress.say)
    assert parallel is not None
    devices = _cuda_devices() if torch.cuda.is_available() else ()
    return Gang(
        Processes(side_by_side(task, parallel), parallel, devices), task, heard, progress.say
    )


def side_by_side(task: TrialTask, parallel: int | None) -> TrialTask:
    """The task for trials beside each other: one thread each, and a share of the decoding.

    On a cluster (`parallel` is None) each trial decodes its own images.
    """
    settings = task.settings
    decoders = settings.workers
    if decoders is None:
        share = cpus() // parallel if parallel else 0
        decoders = 0 if in_memory(task.train_images) else min(MOST_WORKERS, share // 2)
    settings = msgspec.structs.replace(settings, threads=settings.threads or 1, workers=decoders)
    return replace(task, settings=settings)


def once(on_epoch: OnEpoch) -> OnEpoch:
    """Hear of each epoch of each trial once, though checkpoints tell of it again."""
    told: dict[int, int] = {}

    def hear(work: Work, row: EpochRow) -> None:
        if row.epoch > told.get(work.trial, 0):
            told[work.trial] = row.epoch
            on_epoch(work, row)

    return hear


def _cuda_devices() -> tuple[str, ...]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible:
        return tuple(visible.split(","))
    return tuple(str(device) for device in range(torch.cuda.device_count()))
