"""What the runs decide: the recorded evidence, the verdicts that rest on it, and the pages made from both."""
