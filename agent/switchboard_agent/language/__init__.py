"""What the engine knows of a language: words that matter to turn-taking, whatever the subject."""
