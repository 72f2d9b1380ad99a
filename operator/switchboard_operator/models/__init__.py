"""Model servers as VoiceAgents ask for them: what is asked, granted, counted and told."""
