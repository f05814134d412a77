"""Train on the built-in names, print ten new ones, and keep the model."""

import glassgpt

run = glassgpt.train(steps=200)
print(run)
print(*run.model.sample(10), sep="\n")
print("kept in", run.save("runs/example"))
