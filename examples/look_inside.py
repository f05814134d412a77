"""Ask a model what comes next, and why: probabilities, attention, and one number opened."""

import glassgpt

model = glassgpt.train(steps=200).model
probabilities = model.next_probabilities("em")
for token, p in list(probabilities.items())[:5]:
    print(f"{token:>3} {p:.3f}")

attention = model.activations("emma")["layer0.attn.weights"]
print(attention, [round(share, 2) for share in attention.tolist()[0][3]])  # head 0, position 3
print(model.explain("probs[2,12]", "emma"))  # the probability of "m" after "em"
