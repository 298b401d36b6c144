"""The question bank, answers marked and remembered, what is due, flash cards, quizzes and the mock interview."""
