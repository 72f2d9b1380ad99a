"""Language models, asked over the OpenAI wire protocol in a chain; all calls share their health."""
