"""The machine of a run, and the Fabric that trains on it."""

import os
import platform
from typing import Literal

import torch
from lightning_fabric import Fabric

from lithe.cpu import cpu_name
from lithe.run.settings import Machine, Settings


def make_fabric() -> Fabric:
    """One device, or those that torchrun or Slurm started this process for.

    Mixed precision in bfloat16 where a GPU has it, float32 elsewhere.
    """
    world = int(os.environ.get("WORLD_SIZE") or os.environ.get("SLURM_NTASKS") or 1)
    local = int(os.environ.get("LOCAL_WORLD_SIZE") or os.environ.get("SLURM_NTASKS_PER_NODE") or 1)
    cuda = torch.cuda.is_available()
    bf16 = cuda and torch.cuda.is_bf16_supported()
    precision: Literal["bf16-mixed", "32-true"] = "bf16-mixed" if bf16 else "32-true"
    accelerator = "cuda" if cuda else "cpu"
    if world == 1:
        fabric = Fabric(accelerator=accelerator, devices=1, precision=precision)
    else:
        fabric = Fabric(
            accelerator=accelerator,
            devices=local,
            num_nodes=max(1, world // local),
            strategy="ddp",
            precision=precision,
        )
    fabric.launch()
    return fabric


def prepare(settings: Settings) -> Machine:
    """Set threads and determinism as the run needs them, and say where it runs."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    deterministic()
    return Machine(
        cpu=cpu_name(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        torch=str(torch.__version__),
        threads=torch.get_num_threads(),
        accelerator=torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
    )


def deterministic() -> None:
    """Same seed, same machine, same result; an operator without such a form warns instead."""
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
