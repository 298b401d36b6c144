"""What is drawn: figures with alt text, live panels over real training runs, and explorers with sliders."""
