"""Trained networks from and to other lands, number for number; what a land cannot hold is refused by name.

Each land is a module of its own, imported when it is asked for; the packages of a land, only inside it.

    torch       PyTorch: modules and state dicts, both ways           pip install 'elman[torch]'
    keras       Keras 3: .keras files and models, both ways           files: nothing; models: 'elman[keras]'
    onnx        ONNX graphs, both ways                                pip install 'elman[onnx]'
    c, js       source of C99 and JavaScript, out                     nothing
    rtneural    JSON of RTNeural, out                                 nothing
"""
