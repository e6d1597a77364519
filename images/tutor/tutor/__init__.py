"""The tutor behind Juno: a question in, an answer out, from a language model or from the course's own material."""
