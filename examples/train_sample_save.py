"""Train on the built-in names, print ten new ones, and keep the model."""

import glassgpt

config = glassgpt.Config(num_steps=200)
session = glassgpt.Session(config, glassgpt.builtin_names())
for record in session.run():
    if record.step % 50 == 0:
        print(f"step {record.step}: {record.document} surprised it by {record.loss:.2f} nats")
print(*session.sample(glassgpt.Sampling(num_samples=10)), sep="\n")
print("kept in", glassgpt.save_checkpoint(session.snapshot(), "runs/example"))
