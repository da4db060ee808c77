"""Programs written for Keras and tf.keras: their imports, their names, and a check of both."""
