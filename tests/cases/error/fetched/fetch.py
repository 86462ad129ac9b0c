# In the place of a script that fetches data.
