"""The parts of the benchmark of classifiers of tables."""
