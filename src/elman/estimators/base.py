"""What all estimators are told of the network and of its training, and how they are kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from sklearn.base import BaseEstimator

from elman import engines
from elman.network import Network
from elman.optimizers import Optimizer

from . import saving

OF_THE_NETWORK = (
    "cell",
    "activation",
    "hidden_size",
    "num_layers",
    "layer_norm",
    "learn_initial_state",
    "input_dropout",
    "recurrent_dropout",
    "dropout",
    "output_dropout",
    "zoneout",
    "initialization",
    "dtype",
    "engine",
    "threads",
)


@dataclass(kw_only=True, eq=False, repr=False)
class Recurrent(BaseEstimator):
    """A recurrent network, and how it is trained.

    cell to zoneout, dtype   what `Network` takes: elman, gru or lstm, sizes and regularization.
    engine, threads          what computes, see `Network`: no model depends on it but for rounding, so that
                             files do not say it, and it may be set anew after fit. Where several processes
                             fit at once (n_jobs), threads=1 leaves each of them a core.
    initialization           orthogonal, identity, glorot, uniform or standard_normal.
    epochs                   how often the data are gone through, unless `patience` ends it sooner.
    batch_size, optimizer, learning_rate, schedule, weight_decay, clip   what `train` takes.
    patience                 stop after so many epochs without a lower loss on data held out, and take the
                             best parameters met; none: no data are held out.
    validation_fraction      how much is held out then, at random (of a series: its end).
    random_state             a seed: the same one gives the same numbers. None is new each time.

    After fit: network_; n_iter_, the epochs gone through; loss_curve_, the mean training loss of each;
    validation_losses_, that of the data held out.
    """

    reads: ClassVar[tuple[str, ...]] = ("two_d_array", "three_d_array")  # of what scikit-learn has names for
    learns: ClassVar[tuple[str, ...]] = ()  # what fit learns beside the network, without the underscore

    cell: str = "gru"
    activation: str = "tanh"
    hidden_size: int | tuple[int, ...] = 64
    num_layers: int | None = None
    layer_norm: bool = False
    learn_initial_state: bool = False
    input_dropout: float = 0.0
    recurrent_dropout: float = 0.0
    dropout: float = 0.0
    output_dropout: float = 0.0
    zoneout: float = 0.0
    initialization: str = "orthogonal"
    dtype: str = "float32"
    epochs: int = 30
    batch_size: int = 32
    optimizer: str | Optimizer = "adam"
    learning_rate: float | None = None
    schedule: str = "cosine"
    weight_decay: float | None = None
    clip: float | None = 1.0
    patience: int | None = None
    validation_fraction: float = 0.1
    random_state: Any = 0
    engine: str = "auto"
    threads: int | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one model file, without pickle.

        Left out are engine and threads, and what only `partial_fit` knows: the memory of the optimizer, which
        begins anew.
        Raises: NotFittedError; OptionError for a parameter that is no plain value, such as an Optimizer;
                FileError, ResourceError when the path cannot be written.
        """
        saving.write(path, self)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, engine: str = "auto", threads: int | None = None) -> Self:
        """Read what `save` wrote of an estimator of this class.

        Raises: OptionError, EngineError for engine and threads that are not there; FileError when the file
                cannot be opened; FormatError when it is damaged or holds another.
        """
        estimator: Self = saving.read(path, {cls.__name__: cls}, engine=engine, threads=threads)
        return estimator

    def network_options(self) -> dict[str, Any]:
        """Return those of the parameters that a network takes."""
        return {name: getattr(self, name) for name in OF_THE_NETWORK}

    def running_network(self) -> Network:
        """Return the network on the engine that the parameters ask for by now.

        Raises: OptionError, EngineError when that is not there.
        """
        network: Network = self.network_
        if network.machine.engine == engines.find(self.engine, network.spec.dtype, self.threads):
            return network
        spec, flat = network.spec, network.parameters.flat
        return Network.from_spec(spec, flat, engine=self.engine, threads=self.threads)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        for name in ("one_d_array", "two_d_array", "three_d_array", "string"):
            setattr(tags.input_tags, name, name in self.reads)
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")
