"""Fine-tuning of a network that learns in context: the context is the training set."""

from sktransfer.tables.in_context.context import (
    in_context_backbone,
    network_of,
    with_network,
)
from sktransfer.training.fine_tune import fine_tune
from sktransfer.training.loop import evaluate
from sktransfer.training.step.program_cache import get_program
from sktransfer.training.store.samples import RowFeatures

# Of so many rows one is asked for its class in a step, and the others answer.
_ROWS_A_QUERY = 4


def tune_in_context(
    backbone,
    head,
    stages,
    examples,
    validation,
    n_classes,
    settings,
    *,
    early_stopping,
    dtype,
    rng,
    folder=None,
    **options,
):
    """Fine-tune, and keep the outcome where it is better on rows set aside.

    In each step the rows of the batch are told by the others of the training set, in
    one view. The rows set aside are in the context of the network that is returned.

    Parameters
    ----------
    backbone : Backbone
        With all rows in its context.
    head, stages, examples, n_classes, settings, dtype, rng, folder, **options
        As in :func:`~sktransfer.training.fine_tune.fine_tune`.
    validation : Examples
        Rows set aside.
    early_stopping : bool
        Whether they also tell which epoch is best.

    Returns
    -------
    Fit
        Its history begins with the network before, and ends with the one after.
    """
    tuned = in_context_backbone(
        examples.X,
        examples.index,
        examples.y,
        examples.sample_weight,
        n_classes,
        network_of(backbone),
        rng,
        n_views=1,
    )
    settings.batch_size = min(
        settings.batch_size, max(1, len(examples) // _ROWS_A_QUERY)
    )
    # The network that the last stage trains is compiled anyhow.
    program = get_program(tuned, stages[-1].depth, n_classes, dtype)
    loss, _ = _evaluate(program, tuned.weights, head, examples)
    before = _evaluate(program, tuned.weights, head, validation)
    fit = fine_tune(
        tuned,
        head,
        stages,
        examples,
        validation if early_stopping else None,
        n_classes,
        settings,
        dtype=dtype,
        rng=rng,
        folder=folder,
        **options,
    )
    after = _evaluate(program, fit.weights, fit.head, validation)
    first = {"stage": "in_context", "loss": loss, "learning_rate": 0.0}
    fit.history.epochs.insert(0, first)
    first["val_loss"], first["val_score"] = before
    last = fit.history.epochs[-1]
    last["val_loss"], last["val_score"] = after
    if after[0] < before[0]:
        fit.weights = with_network(backbone, network_of(tuned, fit.weights))
    else:
        fit.weights, fit.head = list(backbone.weights), list(head)
    fit.backbone = backbone
    return fit


def _evaluate(program, weights, head, examples):
    """Return the log loss and accuracy of a network on examples."""
    with program.held():
        program.load(weights, head)
        return evaluate(RowFeatures(examples, program), examples)
