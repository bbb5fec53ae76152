"""MLflow: where training runs are told and models are kept. No other package knows that it is MLflow."""
