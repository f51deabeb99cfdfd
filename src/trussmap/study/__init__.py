"""What a study needs beside networks: settings, jobs, comparisons, numbers."""
