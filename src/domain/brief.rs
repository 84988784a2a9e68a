//! How complete a handoff's brief is: a score from 0 to 100 with a reason for every point missing.
