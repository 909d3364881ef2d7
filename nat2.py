import slsc.runtime.backends.library as _l, os
from pathlib import Path as _P
_l.library_path=lambda: _P(os.environ.get("LIB","/work/k2/b1")+"/libslsc_native.so")
import sys,time,numpy as np,onnx,onnxruntime as ort
from fractions import Fraction as F
from slsc.passes.cost import costs; from slsc.passes.layers import prunable_layers
from slsc.search.base import Network, Rules; from slsc.search.uniform import prune_uniform
from slsc.passes.bake import BakeMasks; from slsc.passes.base import PassContext
from slsc.passes.lowering import lower
from slsc.runtime.backends.native import NativeRunner
def load(n,b):
    m=onnx.load(n)
    if b==1: return m,m,None
    net=Network(m,tuple(prunable_layers(m)),costs(m,(720,1280))); r=prune_uniform(net,F(1,b),Rules())
    return m,BakeMasks(r.plan,r.weights,r.masks).run(m,PassContext(())).model,r.plan
if __name__=='__main__':
    for n in sys.argv[2:]:
        name,b=n.split(':'); m,s,plan=load(name,int(b)); x=np.random.rand(1,3,180,320).astype(np.float32)*(255 if 'rfdn' in name or 'edsr' in name else 1)
        t=time.time(); nmp=lower(s,plan); print(n,'lower %.1fs'%(time.time()-t),len(nmp)/1e6,'MB')
        o=ort.SessionOptions(); o.intra_op_num_threads=1; so=ort.InferenceSession(s.SerializeToString(),o,providers=['CPUExecutionProvider']); nm=so.get_inputs()[0].name
        y=so.run(None,{nm:x})[0]
        for isa in sys.argv[1].split(','):
            r=NativeRunner(nmp,1,isa); z=r.run(x); print(isa,'psnr',10*np.log10(np.ptp(y)**2/np.mean((y-z)**2)),'max',np.abs(y-z).max())
            tn,to=[],[]
            for i in range(5):
                t=time.perf_counter(); r.run(x); tn.append(time.perf_counter()-t)
                t=time.perf_counter(); so.run(None,{nm:x}); to.append(time.perf_counter()-t)
            print(isa,'native best %.0f med %.0f ms; ort best %.0f med %.0f ms; ratio best %.2f med %.2f'%(min(tn)*1e3,np.median(tn)*1e3,min(to)*1e3,np.median(to)*1e3,min(to)/min(tn),np.median(to)/np.median(tn)),flush=True)
            s_=np.array(r.op_seconds()); mac=np.array(r.op_macs()); order=np.argsort(-s_)[:14]; print(' sum %.0f ms;'%(s_.sum()*1e3),' '.join(f'{i}:{s_[i]*1e3:.1f}ms/{2*mac[i]/s_[i]/1e9:.0f}GF' for i in order))
