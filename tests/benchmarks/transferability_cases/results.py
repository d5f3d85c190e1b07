"""How well the scores foretell the accuracies."""

# What fine-tuning each candidate once would say: accuracies of one draw of the labels
# against the mean of the others.
ONCE = "fine-tuning once"
