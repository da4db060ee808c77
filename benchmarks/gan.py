"""One step of a GAN inside `fit`: the workload whose source Keras and hilevel cannot share.

The step is the same everywhere: one batch of noise, one pass through both networks, and Adam for both. The gradients
of both losses are taken at the same weights. Keras has a way of its own for each backend, and these follow its guides.
"""

from __future__ import annotations

from typing import Any

LATENT = 64


def gan_step(k: Any, width: int = 256, **options: Any) -> Any:
    """Return the compiled GAN, in the way of the module and of its backend."""
    if k.__name__ == "hilevel":
        model = hilevel_gan(k, width)
    elif k.backend.backend() == "jax":
        model = keras_gan_on_jax(k, width)
    else:
        model = keras_gan_on_torch(k, width)
    model.compile("adam", **options)
    return model


def networks(k: Any, width: int) -> tuple[Any, Any]:
    """Return the generator and the discriminator."""
    generator = k.Sequential(
        [
            k.layers.Input((LATENT,)),
            k.layers.Dense(width, activation="relu"),
            k.layers.Dense(784, activation="tanh"),
        ]
    )
    discriminator = k.Sequential(
        [k.layers.Input((784,)), k.layers.Dense(width), k.layers.LeakyReLU(0.2), k.layers.Dense(1)]
    )
    return generator, discriminator


def hilevel_gan(k: Any, width: int) -> Any:
    """Return a model that is trained with two tapes over one pass."""

    class GAN(k.Model):  # type: ignore[misc]
        """As in the tutorial, inside `fit`."""

        def __init__(self) -> None:
            super().__init__()
            self.generator, self.discriminator = networks(k, width)
            self.generator_optimizer = k.optimizers.Adam()
            self.generator_optimizer.build(self.generator.trainable_variables)
            self.cross_entropy = k.losses.BinaryCrossentropy(from_logits=True)
            self.seed = k.random.SeedGenerator(0)

        def call(self, images: Any) -> Any:
            return self.discriminator(images)

        def train_step(self, data: Any) -> dict[str, Any]:
            real, _, _ = k.utils.unpack_x_y_sample_weight(data)
            noise = k.random.normal((real.shape[0], LATENT), seed=self.seed)
            ones, zeros = k.ops.ones((real.shape[0], 1)), k.ops.zeros((real.shape[0], 1))
            of_generator = self.generator.trainable_variables
            of_discriminator = self.discriminator.trainable_variables
            with k.GradientTape() as generator_tape, k.GradientTape() as discriminator_tape:
                fake_output = self.discriminator(self.generator(noise, training=True), training=True)
                real_output = self.discriminator(real, training=True)
                generator_loss = self.cross_entropy(ones, fake_output)
                discriminator_loss = self.cross_entropy(ones, real_output) + self.cross_entropy(
                    zeros, fake_output
                )
            gradients = generator_tape.gradient(generator_loss, of_generator)
            self.generator_optimizer.apply(gradients, of_generator)
            gradients = discriminator_tape.gradient(discriminator_loss, of_discriminator)
            self.optimizer.apply(gradients, of_discriminator)
            return {"loss": discriminator_loss, "generator_loss": generator_loss}

    return GAN()


def keras_gan_on_jax(k: Any, width: int) -> Any:
    """Return a model with a stateless step. One Adam has the state of both networks, and updates both."""
    import jax

    class GAN(k.Model):  # type: ignore[misc]
        """A step that is a function of the state."""

        def __init__(self) -> None:
            super().__init__()
            self.generator, self.discriminator = networks(k, width)
            self.cross_entropy = k.losses.BinaryCrossentropy(from_logits=True)
            self.seed = k.random.SeedGenerator(0)
            self.split = len(self.generator.trainable_variables)

        def call(self, images: Any) -> Any:
            return self.discriminator(images)

        def losses_of(self, trainable: Any, noise: Any, real: Any) -> Any:
            """Return the losses of the generator and the discriminator, each for its own weights."""
            ones, zeros = k.ops.ones((len(real), 1)), k.ops.zeros((len(real), 1))

            def output(x: Any) -> Any:
                return self.discriminator.stateless_call(trainable[self.split :], [], x, training=True)[0]

            fake, _ = self.generator.stateless_call(trainable[: self.split], [], noise, training=True)
            fake_output = output(fake)
            generator_loss = self.cross_entropy(ones, fake_output)
            both = self.cross_entropy(ones, output(real)) + self.cross_entropy(zeros, fake_output)
            return generator_loss, both

        def train_step(self, state: Any, data: Any) -> Any:
            trainable, non_trainable, optimizer_variables, metrics_variables = state
            real, _, _ = k.utils.unpack_x_y_sample_weight(data)
            mapping = list(zip(self.non_trainable_variables, non_trainable, strict=True))
            with k.StatelessScope(state_mapping=mapping) as scope:
                noise = k.random.normal((len(real), LATENT), seed=self.seed)
            non_trainable = [
                v if (new := scope.get_current_value(v)) is None else new
                for v in self.non_trainable_variables
            ]
            (generator_loss, loss), pullback = jax.vjp(
                lambda weights: self.losses_of(weights, noise, real), list(trainable)
            )
            one, zero = jax.numpy.ones(()), jax.numpy.zeros(())
            gradients = pullback((one, zero))[0][: self.split] + pullback((zero, one))[0][self.split :]
            trainable, optimizer_variables = self.optimizer.stateless_apply(
                optimizer_variables, gradients, trainable
            )
            logs = {"loss": loss, "generator_loss": generator_loss}
            return logs, (trainable, non_trainable, optimizer_variables, metrics_variables)

    return GAN()


def keras_gan_on_torch(k: Any, width: int) -> Any:
    """Return a model that is trained with PyTorch's own gradients and Keras's optimizers."""
    import torch

    class GAN(k.Model):  # type: ignore[misc]
        """A model whose step changes the networks in place."""

        def __init__(self) -> None:
            super().__init__()
            self.generator, self.discriminator = networks(k, width)
            self.generator_optimizer = k.optimizers.Adam()
            self.cross_entropy = k.losses.BinaryCrossentropy(from_logits=True)
            self.seed = k.random.SeedGenerator(0)

        def call(self, images: Any) -> Any:
            return self.discriminator(images)

        def train_step(self, data: Any) -> dict[str, Any]:
            real, _, _ = k.utils.unpack_x_y_sample_weight(data)
            noise = k.random.normal((len(real), LATENT), seed=self.seed)
            ones, zeros = k.ops.ones((len(real), 1)), k.ops.zeros((len(real), 1))
            fake_output = self.discriminator(self.generator(noise, training=True), training=True)
            real_output = self.discriminator(real, training=True)
            generator_loss = self.cross_entropy(ones, fake_output)
            loss = self.cross_entropy(ones, real_output) + self.cross_entropy(zeros, fake_output)
            pairs = [
                (self.generator_optimizer, self.generator.trainable_weights, generator_loss),
                (self.optimizer, self.discriminator.trainable_weights, loss),
            ]
            gradients = [
                torch.autograd.grad(of, [v.value for v in weights], retain_graph=of is generator_loss)
                for _, weights, of in pairs
            ]
            with torch.no_grad():
                for (optimizer, weights, _), found in zip(pairs, gradients, strict=True):
                    optimizer.apply(list(found), weights)
            return {"loss": loss.detach(), "generator_loss": generator_loss.detach()}

    return GAN()
